// Command millrace turns the web, dumps and your own files into a language-model corpus.
package main

import "millrace/app"

func main() { app.Main() }
