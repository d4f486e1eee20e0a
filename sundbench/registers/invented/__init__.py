"""Registers drawn from the catalogue alone: every register and column that has an entry, rows of nobody.

`sundbench.registers.synthetic` invents a nation whose figures are Denmark's and writes it as a delivery. Here
there is no nation: whatever register the catalogue knows gets rows of the right shape, types and codes in
seconds, so that code can be written on a synthetic extract before it is run on the real one.
"""
