// Package gopher measures a text for the rules of Gopher (Rae et al. 2021, arXiv 2112.11446) exactly as
// datatrove 0.10 does: text comes in, a row of signals goes out. It knows no limits: these are the recipe's.
//
// Read in this order: quality.go, repetition.go.
package gopher
