"""A network between clients and a server that loses, delays and reorders datagrams by a seed. TCP goes through untouched.

The proxy has an address of its own in 127/8 and the same port numbers as the server: a client is told only a port, and takes the host it knows.
"""

import asyncio
import random


class _Upstream(asyncio.DatagramProtocol):
    """One client's socket towards the server: the server tells clients apart by address and port."""

    def __init__(self, proxy, listener, client):
        self.proxy, self.listener, self.client, self.transport = proxy, listener, client, None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, _address):
        self.proxy.pass_on(self.listener, data, self.client)


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, proxy, port):
        self.proxy, self.port, self.transport, self.upstreams = proxy, port, None, {}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, client):
        task = self.upstreams.get(client)
        if task is None:
            task = self.upstreams[client] = asyncio.ensure_future(self._open(client))
        task.add_done_callback(lambda done: self.proxy.pass_on(done.result(), data))

    async def _open(self, client):
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Upstream(self.proxy, self.transport, client),
            local_addr=(self.proxy.address, 0),
            remote_addr=(self.proxy.server, self.port),
        )
        return transport


class Proxy:
    """loss, reorder and repeat are shares. A reordered datagram waits long enough for others to overtake it, a repeated one comes again up to a
    second later.

    hides_ends: the server does not learn that a client's stream has ended, as when a network goes away."""

    REORDER_SECONDS = 0.02
    REPEAT_SECONDS = 1.0

    def __init__(self, address, server="127.0.0.1", loss=0.0, reorder=0.0, repeat=0.0, seed=1, hides_ends=False):
        self.address, self.server, self.hides_ends = address, server, hides_ends
        self.loss, self.reorder, self.repeat = loss, reorder, repeat
        self.random = random.Random(seed)
        self.passed = self.lost = self.reordered = self.repeated = 0
        self.closers = []
        self.listeners = []

    def pass_on(self, transport, data, address=None):
        def send():
            if not transport.is_closing():
                transport.sendto(data, address)

        self.passed += 1
        if self.random.random() < self.repeat:
            self.repeated += 1
            asyncio.get_running_loop().call_later(self.random.uniform(0.001, self.REPEAT_SECONDS), send)
        if self.random.random() < self.loss:
            self.lost += 1
        elif self.random.random() < self.reorder:
            self.reordered += 1
            asyncio.get_running_loop().call_later(self.random.uniform(0.001, self.REORDER_SECONDS), send)
        else:
            send()

    async def open(self, tcp_port, udp_ports):
        try:
            return await self._open(tcp_port, dict.fromkeys(udp_ports))  # shards may have one together
        except OSError:
            self.close()
            raise

    async def _open(self, tcp_port, udp_ports):
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda reader, writer: self._carry(reader, writer, tcp_port), self.address, tcp_port)
        self.closers.append(server.close)
        for port in udp_ports:
            transport, protocol = await loop.create_datagram_endpoint(lambda port=port: _Listener(self, port), local_addr=(self.address, port))
            self.listeners.append(protocol)
            self.closers.append(transport.close)
            self.closers.append(lambda listener=protocol: self._close_upstreams(listener))
        return self

    def rebind(self):
        """Every client has another port from now on, and what comes to the old ones is lost: an address translator that forgot its entries."""
        for listener in self.listeners:
            self._close_upstreams(listener)
            listener.upstreams.clear()

    @staticmethod
    def _close_upstreams(listener):
        for task in listener.upstreams.values():
            if task.done() and not task.exception():
                task.result().close()

    async def _carry(self, reader, writer, port):
        upstream_reader, upstream_writer = await asyncio.open_connection(self.server, port, local_addr=(self.address, 0))
        self.closers.append(upstream_writer.close)

        async def copy(source, sink):
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except (ConnectionError, OSError):
                pass
            finally:
                if sink is writer or not self.hides_ends:
                    sink.close()

        await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer))

    def close(self):
        for closer in self.closers:
            closer()
