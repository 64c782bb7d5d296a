# asyncio: epoll, timers, subprocesses, unix sockets and streams on one loop.
# timeout: 120
# needs: python3
exec /usr/bin/python3 - << 'EOF'
import asyncio
import signal
import os


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def client(path, n):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(f"hello {n}\n".encode())
    line = await reader.readline()
    writer.close()
    return line.decode().strip()


async def main():
    server = await asyncio.start_unix_server(serve, "socket")
    print(sorted(await asyncio.gather(*(client("socket", n) for n in range(50))))[:3])
    server.close()
    os.unlink("socket")

    order = []

    async def later(delay, name):
        await asyncio.sleep(delay)
        order.append(name)

    await asyncio.gather(later(0.3, "c"), later(0.1, "a"), later(0.2, "b"))
    print(order)

    process = await asyncio.create_subprocess_exec("sort", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate(b"b\na\n")
    print(out, process.returncode)

    try:
        await asyncio.wait_for(asyncio.sleep(30), 0.1)
    except asyncio.TimeoutError:
        print("timeout")

    got = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(got.wait(), 10)
    print("signal")
    print(await asyncio.to_thread(lambda: sum(range(1000))))


asyncio.run(main())
EOF
