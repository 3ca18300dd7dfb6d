// Command tesseralog adds entries to a log on disk whose checkpoints are cosigned under a policy.
//
//	tesseralog key DIR ORIGIN           create the key of a log; print its verifier key
//	tesseralog add DIR POLICY ENTRY...  add entries, wait for the cosigned checkpoint, and print it
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const patience = 20 * time.Second

func main() {
	var err error
	switch os.Args[1] {
	case "key":
		err = makeKey(os.Args[2], os.Args[3])
	case "add":
		err = add(os.Args[2], os.Args[3], os.Args[4:])
	default:
		err = errors.New("key or add")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func makeKey(folder, origin string) error {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "key"), []byte(private), 0o600); err != nil {
		return err
	}
	fmt.Println(public)
	return nil
}

func add(folder, policy string, entries []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	private, err := os.ReadFile(filepath.Join(folder, "key"))
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(private))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(policy)
	if err != nil {
		return err
	}
	witnesses, err := tessera.NewWitnessGroupFromPolicy(text)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(folder, "log")})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(len(entries)), 100*time.Millisecond).
		WithCheckpointInterval(100*time.Millisecond).
		WithWitnesses(witnesses, &tessera.WitnessOptions{Timeout: 5 * time.Second})
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	published := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	var checkpoint []byte
	for _, entry := range entries {
		future := appender.Add(ctx, tessera.NewEntry([]byte(entry)))
		if _, checkpoint, err = published.Await(ctx, future); err != nil {
			return err
		}
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	os.Stdout.Write(checkpoint)
	return nil
}
