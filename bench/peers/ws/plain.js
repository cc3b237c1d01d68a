// The plain relay on npm ws, at its fast settings: the first message of a connection names its group, every other one goes to all others in it.
'use strict';
const { WebSocketServer } = require('ws');

const groups = new Map(); // name -> Set(socket)
const port = Number(process.argv[2]);
const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false, maxPayload: 16384, backlog: 4096 });
server.on('connection', (ws) => {
  ws._socket.setNoDelay(true);
  ws.on('message', (data) => {
    if (ws.group) {
      for (const peer of ws.group) if (peer !== ws) peer.send(data);
      return;
    }
    const name = data.toString();
    if (!groups.has(name)) groups.set(name, new Set());
    ws.group = groups.get(name).add(ws);
    ws.send('joined');
  });
  ws.on('close', () => ws.group && ws.group.delete(ws));
  ws.on('error', () => ws.terminate());
});
server.on('listening', () => console.log('ready'));
