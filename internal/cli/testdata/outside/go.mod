module example.org/mine

go 1.26.0

require millrace v0.0.0

replace millrace => ../../../..
