// Package fasttext reads models of fastText that the user supplies, plain (.bin) and quantised (.ftz), and names the labels of
// a text: a file comes in, probabilities go out. It knows supervised models with softmax, hierarchical softmax and
// one-versus-all, such as lid.176.ftz and GlotLID. It does not train.
//
// What a file says about itself is not believed: nothing is allocated that the file is not long enough for.
//
// Read in this order: model.go, words.go, matrix.go, output.go.
package fasttext
