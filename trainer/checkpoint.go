package trainer

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"millrace"
	"millrace/internal/atomicfile"
)

// A checkpoint is a folder ckpt-<step> that exists whole or not at all. LATEST names the newest
// one; the two newest are kept.

// manifest is a checkpoint's description. Times are not in it: equal runs have equal manifests.
type manifest struct {
	Format      int               `json:"format"`
	Step        int               `json:"step"` // steps done
	Config      Config            `json:"config"`
	FirstLoss   float64           `json:"first_loss"`
	LastLoss    float64           `json:"last_loss"`
	Evals       []Eval            `json:"evals"`
	ParamSHA256 string            `json:"param_sha256"`
	Files       map[string]string `json:"files"` // name to SHA-256
}

const (
	manifestFormat = 1
	manifestName   = "manifest.json"
	paramsName     = "params.safetensors"
	momentsName    = "moments.safetensors"
	latestName     = "LATEST"
	tempPrefix     = ".tmp-ckpt-"
	maxManifest    = 64 << 20
)

func checkpointName(step int) string { return fmt.Sprintf("ckpt-%08d", step) }

// checkpointStep reads what checkpointName writes; -1 for any other name.
func checkpointStep(name string) int {
	digits, ok := strings.CutPrefix(name, "ckpt-")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || checkpointName(n) != name {
		return -1
	}
	return n
}

// save writes a checkpoint of s into dir and forgets all but the two newest.
func save(dir string, m manifest, s State) error {
	name := checkpointName(m.Step)
	if err := writeCheckpoint(dir, name, m, s); err != nil {
		return fmt.Errorf("write checkpoint %s: %w", name, err)
	}
	if err := atomicfile.Write(filepath.Join(dir, latestName), []byte(name+"\n")); err != nil {
		return fmt.Errorf("write checkpoint %s: %w", name, err)
	}
	return forget(dir, m.Step)
}

func writeCheckpoint(dir, name string, m manifest, s State) (err error) {
	temp, err := os.MkdirTemp(dir, tempPrefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(temp)
		}
	}()
	m.Format = manifestFormat
	m.ParamSHA256 = digest(s.Params)
	m.Files = map[string]string{}
	if m.Files[paramsName], err = writeTensorFile(filepath.Join(temp, paramsName), s.Params); err != nil {
		return err
	}
	if m.Files[momentsName], err = writeTensorFile(filepath.Join(temp, momentsName), s.Moments); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	// This also syncs the folder.
	if err := atomicfile.Write(filepath.Join(temp, manifestName), append(text, '\n')); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	// A folder of this name was left by a life that ended before it wrote LATEST.
	path := filepath.Join(dir, name)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return atomicfile.SyncDir(dir)
}

func writeTensorFile(path string, ts []Tensor) (sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<16)
	if err := writeTensors(w, ts); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Sync()
}

// forget removes the checkpoints below the two newest up to step, and what broken lives left.
func forget(dir string, step int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	before := -1
	for _, e := range entries {
		if n := checkpointStep(e.Name()); n < step {
			before = max(before, n)
		}
	}
	for _, e := range entries {
		n := checkpointStep(e.Name())
		if (n >= 0 && n < before) || strings.HasPrefix(e.Name(), tempPrefix) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("remove an old checkpoint: %w", err)
			}
		}
	}
	return nil
}

// load reads the manifest of dir's newest checkpoint. The error wraps fs.ErrNotExist if there is none.
func load(dir string) (m manifest, path string, err error) {
	data, err := readSmall(filepath.Join(dir, latestName))
	if err != nil {
		return m, "", err
	}
	name := strings.TrimSpace(string(data))
	if checkpointStep(name) < 0 {
		return m, "", fmt.Errorf("%s names %q, which is no checkpoint: %w", latestName, name, millrace.ErrIntegrity)
	}
	path = filepath.Join(dir, name)
	if data, err = readSmall(filepath.Join(path, manifestName)); err != nil {
		return m, "", fmt.Errorf("read checkpoint %s: %v: %w", path, err, millrace.ErrIntegrity)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, "", fmt.Errorf("read checkpoint %s: %w: %w", path, err, millrace.ErrIntegrity)
	}
	if m.Format > manifestFormat {
		return m, "", fmt.Errorf("checkpoint %s has format %d; this program reads up to %d, a newer one is needed", path, m.Format, manifestFormat)
	}
	if m.Step != checkpointStep(name) {
		return m, "", fmt.Errorf("checkpoint %s says that it is of step %d: %w", path, m.Step, millrace.ErrIntegrity)
	}
	return m, path, nil
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(data) > maxManifest {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxManifest)
	}
	return data, err
}

// restoreState fills s from the checkpoint at path and checks every byte of it.
func restoreState(path string, m manifest, s State) error {
	for name, to := range map[string][]Tensor{paramsName: s.Params, momentsName: s.Moments} {
		ts, sum, err := readTensorFile(filepath.Join(path, name))
		switch {
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("read checkpoint: %w", err)
		case err != nil:
			return fmt.Errorf("read checkpoint %s: %s: %w: %w", path, name, err, millrace.ErrIntegrity)
		case sum != m.Files[name]:
			return fmt.Errorf("read checkpoint %s: %s is damaged: its SHA-256 is %s, the manifest says %s: %w", path, name, sum, m.Files[name], millrace.ErrIntegrity)
		}
		if err := restore(to, ts); err != nil {
			return fmt.Errorf("read checkpoint %s: %s: %w: %w", path, name, err, millrace.ErrIntegrity)
		}
	}
	return nil
}

func readTensorFile(path string) (ts []Tensor, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	h := sha256.New()
	if ts, err = readTensors(io.TeeReader(f, h), info.Size()); err != nil {
		return nil, "", err
	}
	return ts, hex.EncodeToString(h.Sum(nil)), nil
}

// Load opens the newest checkpoint of a GPT in dir, to score and to generate.
func Load(dir string) (*GPT, error) {
	m, path, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("open the model in %s: %w", dir, err)
	}
	g, err := NewGPT(m.Config)
	if err != nil {
		return nil, fmt.Errorf("open the model in %s: %w", dir, err)
	}
	if err := restoreState(path, m, g.State()); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}
