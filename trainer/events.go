package trainer

// StepEvent tells of one step, as `train --json` prints it.
type StepEvent struct {
	Type       string  `json:"type"` // "step"
	Step       int     `json:"step"` // counted from 1
	Loss       float64 `json:"loss"` // nats a token, on the batch, before the update
	LR         float64 `json:"lr"`
	GradNorm   float64 `json:"grad_norm"` // before clipping
	Tokens     int64   `json:"tokens"`    // since step 1
	TokensPerS float64 `json:"tokens_per_s"`
}

// Eval tells how well the model predicts training text and held-out text after a step. Where
// nothing is held out yet, ValTokens and the figures with it are 0.
type Eval struct {
	Type           string  `json:"type"` // "eval"
	Step           int     `json:"step"`
	TrainLoss      float64 `json:"train_loss"` // nats a token
	ValLoss        float64 `json:"val_loss"`
	TrainAccuracy  float64 `json:"train_accuracy"`
	ValAccuracy    float64 `json:"val_accuracy"`
	ValBitsPerByte float64 `json:"val_bits_per_byte"`
	ValTokens      int     `json:"val_tokens"`
}

// Result is what a run comes to.
type Result struct {
	Steps       int     `json:"steps"`
	FirstLoss   float64 `json:"first_loss"`
	LastLoss    float64 `json:"last_loss"`
	ParamSHA256 string  `json:"param_sha256"`
	TokensPerS  float64 `json:"tokens_per_s"` // of this process
	Docs        int64   `json:"docs"`         // that the last step could see
	TrainTokens int     `json:"train_tokens"` // in them

	// The last Eval, over more text than those on the way.
	TrainLoss      float64 `json:"train_loss"`
	TrainAccuracy  float64 `json:"train_accuracy"`
	ValLoss        float64 `json:"val_loss"`
	ValAccuracy    float64 `json:"val_accuracy"`
	ValBitsPerByte float64 `json:"val_bits_per_byte"`
	ValTokens      int     `json:"val_tokens"`
	// Order0, Order1 and Order2 are the bits per byte of counted byte models on the same held-out text.
	Order0 float64 `json:"order0_bits_per_byte"`
	Order1 float64 `json:"order1_bits_per_byte"`
	Order2 float64 `json:"order2_bits_per_byte"`

	Evals []Eval `json:"-"` // the curve
	Model Model  `json:"-"` // its threads are closed; a GPT still scores and generates
}
