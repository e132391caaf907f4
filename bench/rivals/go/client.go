package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bodyStart is where a block's text goes on behind its hash, over which the hash is made.
const bodyStart = len(`{"hash":"",`) + 64

const genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// syncFrom brings all blocks of a server, checks each, and appends it to a file.
func syncFrom(url string, file string) error {
	startedAt := time.Now()
	before := cpuMs()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	store, err := os.Create(file)
	if err != nil {
		return err
	}
	checker := &checker{previousHash: genesis}
	if err := follow(url, func(text []byte) error {
		if err := checker.check(text); err != nil {
			return err
		}
		_, err := store.Write(append(text, '\n'))
		return err
	}); err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	return tell(map[string]any{
		"elapsedMs":   float64(time.Since(startedAt)) / float64(time.Millisecond),
		"cpuMs":       cpuMs() - before,
		"loop":        nil,
		"maxRssBytes": maxRssBytes(),
		"blocks":      checker.blocks,
	})
}

// follow hands over the text of each block of a stream until its end.
func follow(url string, take func(text []byte) error) error {
	response, err := http.Get(url + "/stream?from_height=0")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %d", response.StatusCode)
	}
	lines := bufio.NewReaderSize(response.Body, 1<<16)
	event, data := "", ""
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the stream ended early: %w", err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "event: "):
			event = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		case line == "" && event == "complete":
			return nil
		case line == "" && event == "block":
			text, err := unpack(data)
			if err != nil {
				return err
			}
			if err := take(text); err != nil {
				return err
			}
		}
	}
}

func unpack(data string) ([]byte, error) {
	packed, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// checker checks height, link and hash of blocks as they come.
type checker struct {
	previousHash string
	blocks       int
}

func (checker *checker) check(text []byte) error {
	var found block
	if err := json.Unmarshal(text, &found); err != nil {
		return err
	}
	digest := sha256.New()
	digest.Write([]byte{'{'})
	digest.Write(text[bodyStart:])
	hash := hex.EncodeToString(digest.Sum(nil))
	switch {
	case found.Height != checker.blocks:
		return fmt.Errorf("block %d came as %d", found.Height, checker.blocks)
	case found.Hash != hash:
		return fmt.Errorf("block %d has a wrong hash", found.Height)
	case found.PreviousHash != checker.previousHash:
		return fmt.Errorf("block %d does not link", found.Height)
	}
	checker.previousHash = hash
	checker.blocks++
	return nil
}
