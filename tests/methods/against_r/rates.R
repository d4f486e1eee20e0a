# Fits that tests/methods/test_rate_models.py compares with: clogit and glm on each data set of a folder.
suppressPackageStartupMessages(library(survival))
given <- commandArgs(TRUE)
rows <- lapply(seq_len(as.integer(given[2])) - 1, function(set) {
  sets <- read.csv(file.path(given[1], sprintf("matched%d.csv", set)))
  close <- coxph.control(eps = 1e-13, toler.chol = 1e-14)
  m <- clogit(y ~ x1 + x2 + x3 + offset(o) + strata(s), sets, method = "exact", control = close)
  counts <- read.csv(file.path(given[1], sprintf("counted%d.csv", set)))
  p <- glm(y ~ x + g + offset(log(years)), poisson, counts, control = glm.control(epsilon = 1e-14))
  figures <- c(coef(m), sqrt(diag(vcov(m))), m$loglik, coef(p), sqrt(diag(vcov(p))), logLik(p))
  names(figures) <- c(paste0("m", 0:7), paste0("p", 0:8))
  c(set = set, figures)
})
write.table(format(do.call(rbind, rows), digits = 17), file.path(given[1], "out.csv"),
            sep = ",", row.names = FALSE, quote = FALSE)
