"""An extract's registers for R: Debian's R reads no Parquet, so this Python reads it and R takes the columns.

``python -m sundbench.cohort.for_r`` prints where ``sundbench.R`` is; that file calls this module again for
each register. Columns go as raw bytes, so that nothing is parsed twice.
"""
