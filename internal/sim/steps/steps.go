// Package steps says how many steps the cleaning code has taken, in a program that counts them. The product does not: its loops
// stay as they are. A test that wants to know makes a copy of the code that counts (package overlay) and runs itself with it.
//
// A step is a call of a function, a turn of a loop, and each byte or element that is copied, compared, hashed, or handed to code
// that is not counted itself.
package steps

// Taken is the number of steps so far. It is false in a program that does not count.
func Taken() (int, bool) { return 0, false }
