// The plain relay on Bun, whose WebSocket server is uWebSockets (C++) with its own publish: the first message of a connection names its group,
// every other one goes to all others in it.
const port = Number(process.argv[2]);
Bun.serve({
  hostname: '127.0.0.1',
  port,
  fetch(request, server) {
    return server.upgrade(request, { data: { group: '' } }) ? undefined : new Response('a WebSocket, please', { status: 400 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 16384,
    backpressureLimit: 16 * 1024 * 1024,
    sendPings: false,
    message(ws, message) {
      if (ws.data.group) {
        ws.publishBinary(ws.data.group, message);
        return;
      }
      ws.data.group = typeof message === 'string' ? message : new TextDecoder().decode(message);
      ws.subscribe(ws.data.group);
      ws.send('joined');
    },
  },
});
console.log('ready');
