"""A server of the `websockets` package that behaves by its path. It prints its port, and ends with its standard input.

/words   says "hello" and "ready", and answers every text by "noise" and by "ok " and that text
/beats   sends "2" every 300 ms, and closes with 4000 where no "3" came for 1.2 s
/mute    says nothing
"""

import asyncio
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def words(connection):
    await connection.send("hello")
    await connection.send("ready")
    async for message in connection:
        await connection.send("noise")
        await connection.send(f"ok {message}")


async def beats(connection):
    async def send():
        while True:
            await connection.send("2")
            await asyncio.sleep(0.3)

    sending = asyncio.create_task(send())
    try:
        while True:
            async with asyncio.timeout(1.2):
                while await connection.recv() != "3":
                    pass
    except TimeoutError:
        await connection.close(4000, "no heartbeat")
    finally:
        sending.cancel()


async def mute(connection):
    async for _ in connection:
        pass


async def handle(connection):
    try:
        await {"/words": words, "/beats": beats, "/mute": mute}[connection.request.path](connection)
    except ConnectionClosed:
        pass  # by the client, with a close frame or without


async def main():
    async with serve(handle, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
