// gorilla/websocket: every message goes back, one that begins with '!' to everybody. Argument: port. Loopback
// only.
//
// One goroutine a connection, small buffers, writes under the connection's mutex and from a shared pool of
// write buffers, a broadcast framed once (PreparedMessage): the leanest of the ways its documentation shows.
package main

import (
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	marker        = '!'
	bufferBytes   = 1024
	messageLimit  = 128 * 1024
	writeDeadline = 10 * time.Second
)

type peer struct {
	connection *websocket.Conn
	writing    sync.Mutex
}

func (p *peer) write(message []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.connection.SetWriteDeadline(time.Now().Add(writeDeadline))
	return p.connection.WriteMessage(websocket.BinaryMessage, message)
}

func (p *peer) writePrepared(message *websocket.PreparedMessage) {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.connection.SetWriteDeadline(time.Now().Add(writeDeadline))
	if p.connection.WritePreparedMessage(message) != nil {
		p.connection.Close()
	}
}

var (
	upgrader = websocket.Upgrader{
		ReadBufferSize:  bufferBytes,
		WriteBufferSize: bufferBytes,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     func(*http.Request) bool { return true },
	}
	mutex sync.RWMutex
	peers = map[*peer]struct{}{}
)

func broadcast(message []byte) error {
	prepared, err := websocket.NewPreparedMessage(websocket.BinaryMessage, message)
	if err != nil {
		return err
	}
	mutex.RLock()
	defer mutex.RUnlock()
	for one := range peers {
		one.writePrepared(prepared)
	}
	return nil
}

func serve(response http.ResponseWriter, request *http.Request) {
	connection, err := upgrader.Upgrade(response, request, nil)
	if err != nil {
		return
	}
	connection.SetReadLimit(messageLimit)
	one := &peer{connection: connection}
	mutex.Lock()
	peers[one] = struct{}{}
	mutex.Unlock()
	defer func() {
		mutex.Lock()
		delete(peers, one)
		mutex.Unlock()
		connection.Close()
	}()
	for {
		_, message, err := connection.ReadMessage()
		if err != nil {
			return
		}
		if len(message) > 0 && message[0] == marker {
			err = broadcast(message)
		} else {
			err = one.write(message)
		}
		if err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("gorilla PORT")
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(serve)))
}
