// The plain design in Go, with nothing but its standard library: a server that compresses each block for each client and
// sends it as an event, and a client that checks every block and appends it to a file.
//
//	plain serve FILE [BLOCKS]
//	plain sync URL FILE
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(args[1], -1)
	case len(args) == 3 && args[0] == "serve":
		blocks, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return serve(args[1], blocks)
	case len(args) == 3 && args[0] == "sync":
		return syncFrom(args[1], args[2])
	}
	return fmt.Errorf("usage: plain serve FILE [BLOCKS] | plain sync URL FILE")
}

// tell writes one line of JSON for the process that started this one.
func tell(message any) error {
	return json.NewEncoder(os.Stdout).Encode(message)
}
