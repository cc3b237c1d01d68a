"""Between a client and ringcastd: a network that tears connections, in the moment in which a scenario wants it."""

import socket
import struct
import threading


class Relay:
    def __init__(self, port):
        self.target, self.is_cut, self.lock, self.pairs = port, False, threading.Lock(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.is_cut:
                    self._reset(client)
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                for connection in (client, server):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.pairs.append((client, server))  # from here on it may be torn
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # torn

    @staticmethod
    def _reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            connection.shutdown(socket.SHUT_RDWR)  # wakes who reads
        except OSError:
            pass
        connection.close()

    def tear(self):
        """Every connection there is breaks; the next one is let through."""
        with self.lock:
            for pair in self.pairs:
                for connection in pair:
                    self._reset(connection)
            self.pairs.clear()

    def cut(self):
        """And none is let through, until heal."""
        self.is_cut = True
        self.tear()

    def heal(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
