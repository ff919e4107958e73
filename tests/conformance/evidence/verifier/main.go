// Command verifier checks Bridle's checkpoints and proofs with the programs of Go's checksum database, which share no
// code with ours. It reads a list of cases from standard input and writes one verdict for each: "" when it holds.
package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Case is a signed checkpoint with what is claimed under it: a record at an index, or an older checkpoint.
type Case struct {
	Key         string   `json:"key"`
	Checkpoint  string   `json:"checkpoint"`
	Index       int64    `json:"index"`
	Data        []byte   `json:"data"`
	Inclusion   [][]byte `json:"inclusion"`
	Older       string   `json:"older"`
	Consistency [][]byte `json:"consistency"`
}

func main() {
	var cases []Case
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	verdicts := make([]string, len(cases))
	for i, c := range cases {
		if err := check(c); err != nil {
			verdicts[i] = err.Error()
		}
	}
	json.NewEncoder(os.Stdout).Encode(verdicts)
}

func check(c Case) error {
	tree, err := open(c.Key, c.Checkpoint)
	if err != nil {
		return err
	}
	if c.Data != nil {
		leaf := tlog.RecordHash(c.Data)
		if err := tlog.CheckRecord(hashes(c.Inclusion), tree.N, tree.Hash, c.Index, leaf); err != nil {
			return err
		}
	}
	if c.Older == "" {
		return nil
	}
	older, err := open(c.Key, c.Older)
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(hashes(c.Consistency)), tree.N, tree.Hash, older.N, older.Hash)
}

// open verifies a signed note and reads the three lines of a checkpoint from it.
func open(key, text string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("not the three lines of a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("not the hash of a tree")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
}

func hashes(steps [][]byte) tlog.RecordProof {
	proof := make(tlog.RecordProof, len(steps))
	for i, step := range steps {
		copy(proof[i][:], step)
	}
	return proof
}
