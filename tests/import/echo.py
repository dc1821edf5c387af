import os, socket

server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(4)
port = server.getsockname()[1]

if os.fork() == 0:
    server.close()
    with socket.create_connection(("127.0.0.1", port)) as client:
        for i in range(100):
            client.sendall(b"x" * 100)
            got = 0
            while got < 100:
                got += len(client.recv(100))
    os._exit(0)

connection, _ = server.accept()
while data := connection.recv(4096):
    sum(i * i for i in range(2000))
    connection.sendall(data)
connection.close()
os.wait()
