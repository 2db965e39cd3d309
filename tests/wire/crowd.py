"""Many connections driven by one thread, none of which waits for another."""

import selectors
import time

import raw_client


def exchange(connections, outgoing, finished, deadline_s=30.0 * raw_client.PATIENCE):
    """Sends outgoing[connection] while receiving on all, until finished() holds. Received messages go to each
    connection's `messages`; finished() is asked after every batch of events."""
    end = time.monotonic() + deadline_s
    remaining = {connection: memoryview(stream) for connection, stream in outgoing.items() if stream}
    with selectors.EpollSelector() as selector:
        for connection in connections:
            connection.socket.setblocking(False)
            connection.sent_bytes = 0
            wish = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection in remaining else 0)
            selector.register(connection.socket, wish, connection)
            # What came with the answer to the upgrade, a first ping for instance, causes no event any more.
            connection.messages += connection.take_messages()
            _answer_pings(connection)
        try:
            while not finished():
                if time.monotonic() > end:
                    raise AssertionError(
                        f"not finished after {deadline_s} s; messages so far: "
                        f"{sorted(len(connection.messages) for connection in connections)}"
                    )
                for key, events in selector.select(0.05):
                    _serve(selector, key.data, events, remaining)
        finally:
            for connection in connections:
                connection.socket.settimeout(connection.deadline_s)


def _serve(selector, connection, events, remaining):
    if events & selectors.EVENT_READ:
        if not connection.fill():
            selector.unregister(connection.socket)
            return
        connection.messages += connection.take_messages()
        _answer_pings(connection)
    if events & selectors.EVENT_WRITE and connection in remaining:
        try:
            sent = connection.socket.send(remaining[connection][:262144])
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            sent = len(remaining[connection])
        connection.sent_bytes += sent
        remaining[connection] = remaining[connection][sent:]
        if not remaining[connection]:
            del remaining[connection]
            selector.modify(connection.socket, selectors.EVENT_READ, connection)


def _answer_pings(connection):
    for received in getattr(connection, "control", ()):
        if received.opcode == raw_client.PING and connection.answer_pings:
            connection.socket.send(raw_client.frame(raw_client.PONG, received.payload))
    connection.control = []


def open_many(case, server, count):
    """`count` upgraded WebSockets: all connect and ask first, then all answers are read."""
    clients = []
    for _ in range(count):
        client = case.connect(server)
        key = raw_client.new_key()
        client.send(raw_client.request(key=key))
        clients.append((client, key))
    for client, key in clients:
        client.finish_upgrade(key)
    return [client for client, _ in clients]


def all_have(connections, count):
    return lambda: all(len(connection.messages) >= count for connection in connections)
