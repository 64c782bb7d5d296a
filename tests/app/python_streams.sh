# asyncio over TCP and UDP on loopback: streams, back pressure, half-close, datagrams, IPv6 where there is some, getaddrinfo, interfaces.
# timeout: 120
# needs: python3
exec /usr/bin/python3 - << 'PY'
import asyncio
import socket
import struct


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"end")
    await writer.drain()
    writer.close()


async def client(port, n):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    block = bytes([n & 0xff]) * 200_000
    writer.write(block)
    await writer.drain()
    writer.write_eof()
    back = await reader.read()
    writer.close()
    await writer.wait_closed()
    return back == block + b"end"


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data.upper(), address)


class Once(asyncio.DatagramProtocol):
    def __init__(self):
        self.result = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, address):
        self.result.set_result(data)

    def error_received(self, error):
        self.result.set_exception(error)


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(all(await asyncio.gather(*(client(port, n) for n in range(40)))))
    server.close()
    await server.wait_closed()
    try:
        await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        print(type(error).__name__)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    where = transport.get_extra_info("sockname")
    other, once = await loop.create_datagram_endpoint(Once, remote_addr=where)
    other.sendto(b"datagram")
    print(await asyncio.wait_for(once.result, 20))
    other.close()
    transport.close()
    await asyncio.sleep(0)
    lost, refused = await loop.create_datagram_endpoint(Once, remote_addr=where)
    lost.sendto(b"nobody")
    try:
        await asyncio.wait_for(refused.result, 20)
    except OSError as error:
        print(type(error).__name__)
    lost.close()


asyncio.run(main())

one, two = socket.create_server(("127.0.0.1", 0)), socket.socket()
two.connect(one.getsockname())
three, _ = one.accept()
three.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
three.close()
try:
    two.recv(1)
except OSError as error:
    print(type(error).__name__)
print((1, "lo") in socket.if_nameindex(), socket.if_nametoindex("lo"))
print(socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
PY
