package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
)

// block is what the plain design reads of a document.
type block struct {
	Hash         string `json:"hash"`
	Height       int    `json:"height"`
	PreviousHash string `json:"previousHash"`
}

// serve serves the documents of a file, one a line, until a line comes on the standard input.
func serve(file string, count int) error {
	documents, err := readDocuments(file, count)
	if err != nil {
		return err
	}
	var head block
	if err := json.Unmarshal(documents[len(documents)-1], &head); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	counted := &countingListener{Listener: listener}
	mux := http.NewServeMux()
	mux.HandleFunc("/stream", func(res http.ResponseWriter, req *http.Request) {
		from, _ := strconv.Atoi(req.URL.Query().Get("from_height"))
		// A client that has gone away ends its stream.
		_ = stream(res, documents[from:], head)
	})
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(counted) }()
	before := cpuMs()
	if err := tell(map[string]any{"url": "http://" + listener.Addr().String()}); err != nil {
		return err
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil && err != io.EOF {
		return err
	}
	report := map[string]any{
		"maxRssBytes": maxRssBytes(),
		"wireBytes":   atomic.LoadInt64(&counted.bytes),
		"cpuMs":       cpuMs() - before,
	}
	if err := server.Close(); err != nil {
		return err
	}
	return tell(report)
}

func readDocuments(file string, count int) ([][]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	documents := bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
	if count >= 0 && count < len(documents) {
		documents = documents[:count]
	}
	if len(documents[0]) == 0 {
		return nil, fmt.Errorf("%s has no blocks", file)
	}
	return documents, nil
}

func stream(res http.ResponseWriter, documents [][]byte, head block) error {
	res.Header().Set("Content-Type", "text/event-stream")
	res.Header().Set("Cache-Control", "no-cache, no-transform")
	first := head.Height + 1 - len(documents)
	for i, document := range documents {
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		if _, err := writer.Write(document); err != nil {
			return err
		}
		if err := writer.Close(); err != nil {
			return err
		}
		data := base64.StdEncoding.EncodeToString(packed.Bytes())
		if _, err := fmt.Fprintf(res, "id: %d\nevent: block\ndata: %s\n\n", first+i, data); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(res, "event: complete\ndata: {\"height\":%d,\"hash\":\"%s\"}\n\n", head.Height, head.Hash)
	return err
}

// countingListener counts the bytes that are written to its connections.
type countingListener struct {
	net.Listener
	bytes int64
}

func (listener *countingListener) Accept() (net.Conn, error) {
	conn, err := listener.Listener.Accept()
	return countingConn{conn, &listener.bytes}, err
}

type countingConn struct {
	net.Conn
	bytes *int64
}

func (conn countingConn) Write(data []byte) (int, error) {
	written, err := conn.Conn.Write(data)
	atomic.AddInt64(conn.bytes, int64(written))
	return written, err
}
