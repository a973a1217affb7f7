// Package clean judges documents by a recipe: documents with bytes or text come in; the same documents, with their
// text, their signals, the edits made and perhaps a verdict, go out. It drops nothing: a verdict marks.
//
// A Recipe is data: ordered steps, each with rules over the signals that it and the steps before it measure. Its
// stages are stateless. What the steps do lies in the packages below: charset and extract make text of bytes,
// repair mends it, language names its language, pii masks personal data, gopher measures.
//
// Read in this order: recipe.go, rule.go, parse.go, steps.go, stage.go.
package clean
