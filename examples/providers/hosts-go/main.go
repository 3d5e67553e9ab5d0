// Command hosts is an aivp provider of names in hosts files.
//
// It speaks the provider protocol, version 1, on stdin and stdout:
//
//	main.go       the process: streams, signals, exit codes
//	protocol.go   lines, requests, cancel and deadlines
//	dispatch.go   methods, and faults of whole requests
//	messages.go   the shape of what goes over the wire
//	call.go       the answer of one request, in parts if it is long
//	values.go     text, secrets and other tagged values
//	declare.go    a declaration in its normal form
//	provider.go   observe and list, and what errors mean
//	apply.go      act, neighbours in one rewrite
//	hostsfile.go  a hosts file in memory: find, change, remove
//	line.go       one line of it
//	rewrite.go    a file on disk, replaced as a whole
//	lock.go       so that two writers do not meet
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

//go:embed manifest.json
var manifestJSON []byte

// defaultFile is the default of the manifest, too.
const defaultFile = "/etc/hosts"

func main() {
	// The caller may be gone before the answer is written. That must not end an edit halfway.
	signal.Ignore(syscall.SIGPIPE)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "hosts:", err)
		os.Exit(1)
	}
}

func run() error {
	manifest, err := parseManifest(manifestJSON)
	if err != nil {
		return err
	}
	provider := &Provider{Kind: "hosts/entry", DefaultFile: defaultFile, Files: []string{defaultFile}}
	return NewSession(os.Stdout, manifest, provider).Serve(os.Stdin)
}
