// Command notecheck reads a signed note from standard input and checks it with the Go libraries.
//
//	notecheck log VKEY        open it with golang.org/x/mod/sumdb/note; print its text
//	notecheck policy FILE     verify it as a checkpoint under a trust policy; print origin and size
//	notecheck cosign NAME     cosign it with new keys of both kinds; print two verifier keys, and the
//	                          note with both cosignatures
package main

import (
	"crypto"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(what, argument string) error {
	signed, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	switch what {
	case "log":
		return openNote(signed, argument)
	case "policy":
		return checkPolicy(signed, argument)
	case "cosign":
		return cosign(signed, argument)
	}
	return fmt.Errorf("%q is not known", what)
}

func openNote(signed []byte, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	fmt.Print(opened.Text)
	return nil
}

func checkPolicy(signed []byte, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%d\n", checkpoint.Origin, checkpoint.N)
	return nil
}

func cosign(signed []byte, name string) error {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	lattice, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		return err
	}
	var lines []byte
	for _, key := range []crypto.Signer{edwards, lattice} {
		signer, err := torchwood.NewCosignatureSigner(name, key)
		if err != nil {
			return err
		}
		opened, err := note.Open(signed, note.VerifierList())
		if unverified, ok := err.(*note.UnverifiedNoteError); ok {
			opened = unverified.Note
		} else if err != nil {
			return err
		}
		both, err := note.Sign(&note.Note{Text: opened.Text}, signer)
		if err != nil {
			return err
		}
		lines = append(lines, both[len(opened.Text)+1:]...)
		fmt.Println(signer.Verifier())
	}
	os.Stdout.Write(append(signed, lines...))
	return nil
}
