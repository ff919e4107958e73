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
	OlderKey    string   `json:"older_key"`
	Consistency [][]byte `json:"consistency"`

	Tiles map[string][]byte `json:"tiles"`
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
	if c.Tiles != nil {
		if err := checkTiles(tree, c.Index, tiles(c.Tiles)); err != nil {
			return err
		}
	}
	if c.Older == "" {
		return nil
	}
	if c.OlderKey == "" {
		c.OlderKey = c.Key
	}
	older, err := open(c.OlderKey, c.Older)
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(hashes(c.Consistency)), tree.N, tree.Hash, older.N, older.Hash)
}

// tiles are files at the places that C2SP tlog-tiles gives them, which are Go's without the height.
type tiles map[string][]byte

func (files tiles) Height() int { return 8 }

func (files tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (files tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		found, ok := files[path]
		if !ok {
			return nil, fmt.Errorf("%s is missing", path)
		}
		data[i] = found
	}
	return data, nil
}

// checkTiles verifies the tiles on the way to a record against the tree's root, and the record's proof made from them.
func checkTiles(tree tlog.Tree, index int64, files tiles) error {
	reader := tlog.TileHashReader(tree, files)
	leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0])
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
