"""A game server as the Server SDK makes one: its WebSocket protocol, with Debian's python3-websockets and no code of ours."""

import asyncio
import json
import urllib.parse
import uuid

import websockets


class SdkError(Exception):
    def __init__(self, answer):
        super().__init__(answer)
        self.status = answer["StatusCode"]


class GameServer:
    """One process. Pushes are kept in the order in which they came."""

    @classmethod
    async def connect(cls, endpoint, token, fleet, compute, process=None, **options):
        self = cls()
        self.process = process or f"p-{uuid.uuid4()}"
        query = urllib.parse.urlencode({"pID": self.process, "sdkVersion": "5.4.0", "sdkLanguage": "Python", "Authorization": token,
                                        "ComputeId": compute, "FleetId": fleet, "IdempotencyToken": uuid.uuid4().hex})
        self.socket = await websockets.connect(f"{endpoint}/?{query}", compression=None, ping_interval=None, **options)
        self.answers, self.pushes = {}, asyncio.Queue()
        self.reader = asyncio.create_task(self._read())
        return self

    async def _read(self):
        try:
            async for text in self.socket:
                message = json.loads(text)
                waiting = self.answers.pop(message.get("RequestId"), None)
                if waiting:
                    waiting.set_result(message)
                else:
                    self.pushes.put_nowait(message)
        except websockets.ConnectionClosed:
            pass

    async def ask(self, action, **members):
        request = uuid.uuid4().hex
        self.answers[request] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"Action": action, "RequestId": request, **members}))
        answer = await asyncio.wait_for(self.answers[request] if request in self.answers else asyncio.sleep(0), 60)
        if answer["Action"] != action or answer["StatusCode"] != 200:
            raise SdkError(answer)
        return answer

    async def push(self, action):
        """The next push, which must be this one."""
        message = await asyncio.wait_for(self.pushes.get(), 60)
        assert message["Action"] == action and "RequestId" not in message, message
        return message

    async def ready(self, port):
        await self.ask("ActivateServerProcess", SdkVersion="5.4.0", SdkLanguage="Python", Port=port, LogPaths=[])
        await self.ask("HeartbeatServerProcess", HealthStatus=True)

    async def close(self):
        await self.socket.close(1001, "Websocket client closing")
        await self.reader
