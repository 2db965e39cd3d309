// libwebsockets: every message goes back, one that begins with '!' to everybody. Argument: port. Loopback
// only.
//
// One thread, no extensions, and libuv for its loop, because its own is poll(2) over everybody. A message is
// kept once, with room for the header before it, and owed by reference to each connection that has to get it;
// lws_write is called when a connection is writeable, as the library wants.
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum { kMarker = '!', kMessageLimit = 128 * 1024, kReceiveBytes = 4096, kOwedMost = 64 };
enum { kDescriptors = 19900 };

struct message {
  unsigned references;
  size_t bytes;
  unsigned char room[];  // LWS_PRE, then the payload
};

struct peer {
  struct peer *next, **link;  // among all that are open
  struct lws *connection;
  struct message *incoming;  // of which so much has been received
  struct message **owed;     // a ring, made when something is owed and freed when nothing is
  unsigned first, count;
};

static struct peer *peers;

static void release(struct message *message) {
  if (--message->references == 0) free(message);
}

// False when the peer is owed too much, or there is no memory.
static int owe(struct peer *peer, struct message *message) {
  if (peer->owed == NULL) peer->owed = malloc(kOwedMost * sizeof *peer->owed);
  if (peer->owed == NULL || peer->count == kOwedMost) return 0;
  peer->owed[(peer->first + peer->count++) % kOwedMost] = message;
  message->references++;
  lws_callback_on_writable(peer->connection);
  return 1;
}

static void forget(struct peer *peer) {
  while (peer->count > 0) {
    release(peer->owed[peer->first]);
    peer->first = (peer->first + 1) % kOwedMost;
    peer->count--;
  }
  free(peer->owed);
  free(peer->incoming);
  *peer->link = peer->next;
  if (peer->next != NULL) peer->next->link = peer->link;
}

static int append(struct peer *peer, const void *bytes, size_t length) {
  size_t held = peer->incoming == NULL ? 0 : peer->incoming->bytes;
  if (held + length > kMessageLimit) return 0;
  struct message *grown = realloc(peer->incoming, sizeof *grown + LWS_PRE + held + length);
  if (grown == NULL) return 0;
  memcpy(grown->room + LWS_PRE + held, bytes, length);
  grown->bytes = held + length;
  grown->references = 1;
  peer->incoming = grown;
  return 1;
}

// Returns what libwebsockets expects: not 0 ends the connection.
static int received(struct peer *peer, const void *bytes, size_t length) {
  if (!append(peer, bytes, length)) return -1;
  if (!lws_is_final_fragment(peer->connection)) return 0;
  if (lws_remaining_packet_payload(peer->connection) > 0) return 0;
  struct message *message = peer->incoming;
  peer->incoming = NULL;
  int taken = 1;
  if (message->bytes > 0 && message->room[LWS_PRE] == kMarker) {
    for (struct peer *each = peers; each != NULL; each = each->next) {
      if (owe(each, message)) continue;
      lws_set_timeout(each->connection, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    }
  } else {
    taken = owe(peer, message);
  }
  release(message);
  return taken ? 0 : -1;
}

static int writeable(struct peer *peer) {
  if (peer->count == 0) return 0;
  struct message *message = peer->owed[peer->first];
  int written = lws_write(peer->connection, message->room + LWS_PRE, message->bytes, LWS_WRITE_BINARY);
  int whole = written >= (int)message->bytes;
  peer->first = (peer->first + 1) % kOwedMost;
  release(message);
  if (--peer->count > 0) {
    lws_callback_on_writable(peer->connection);
  } else {
    free(peer->owed);
    peer->owed = NULL;
  }
  return whole ? 0 : -1;
}

static int happened(struct lws *connection, enum lws_callback_reasons reason, void *session, void *bytes,
                    size_t length) {
  struct peer *peer = session;
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
      memset(peer, 0, sizeof *peer);
      peer->connection = connection;
      peer->next = peers;
      peer->link = &peers;
      if (peers != NULL) peers->link = &peer->next;
      peers = peer;
      return 0;
    case LWS_CALLBACK_CLOSED:
      forget(peer);
      return 0;
    case LWS_CALLBACK_RECEIVE:
      return received(peer, bytes, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return writeable(peer);
    default:
      return lws_callback_http_dummy(connection, reason, session, bytes, length);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  lws_set_log_level(LLL_ERR, NULL);
  const struct lws_protocols protocols[] = {
      {"echo", happened, sizeof(struct peer), kReceiveBytes, 0, NULL, 0},
      {NULL, NULL, 0, 0, 0, NULL, 0},
  };
  struct lws_context_creation_info settings;
  memset(&settings, 0, sizeof settings);
  settings.port = atoi(argv[1]);
  settings.iface = "127.0.0.1";
  settings.protocols = protocols;
  settings.gid = settings.uid = (unsigned)-1;
  settings.fd_limit_per_thread = kDescriptors;
  settings.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DISABLE_IPV6;
  struct lws_context *context = lws_create_context(&settings);
  if (context == NULL) return 1;
  while (lws_service(context, 0) >= 0) continue;
  lws_context_destroy(context);
  return 0;
}
