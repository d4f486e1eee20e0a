# What R says about the data sets of a folder: a row a number, in <folder>/answers.csv.
# Columns: set, what, term, value. Called by test_survival_against_r.py.
suppressPackageStartupMessages({
    library(survival)
    library(cmprsk)
})
folder <- commandArgs(trailingOnly = TRUE)[1]
sets <- read.csv(file.path(folder, "sets.csv"))
flags <- c("entry", "weights", "strata", "cluster", "offset", "robust")
sets[flags] <- lapply(sets[flags], function(flag) flag == "True")
answers <- list()
set <- NA

say <- function(what, term, value) {
    answers[[length(answers) + 1]] <<- data.frame(set, what, term = as.character(term), value = as.numeric(value))
}

say_cox <- function(d, options) {
    left <- if (options$entry) "Surv(entry, time, event)" else "Surv(time, event)"
    right <- c("x1", "x2", "x3")
    if (options$strata) right <- c(right, "strata(stratum)")
    d$row <- seq_len(nrow(d))
    if (options$robust) right <- c(right, if (options$cluster) "cluster(person)" else "cluster(row)")
    if (options$offset) right <- c(right, "offset(shift)")
    formula <- as.formula(paste(left, "~", paste(right, collapse = " + ")))
    control <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)
    d$case <- if (options$weights) as.numeric(d$weight) else 1
    fit <- coxph(formula, d, weights = case, ties = options$ties, control = control, robust = options$robust)
    terms <- c("x1", "x2", "x3")
    say("cox coef", terms, coef(fit))
    say("cox se", terms, sqrt(diag(fit$var)))
    naive <- if (is.null(fit$naive.var)) fit$var else fit$naive.var
    say("cox model se", terms, sqrt(diag(naive)))
    say("cox loglik", c("null", "model"), fit$loglik)
    say("cox score", "all", fit$score)
    agreement <- concordance(fit)
    say("cox concordance", c("estimate", "se"), c(agreement$concordance, sqrt(agreement$var)))
    for (transform in c("km", "identity", "rank")) {
        tested <- cox.zph(fit, transform)$table
        say(paste("cox zph", transform), rownames(tested), tested[, "chisq"])
    }
    say("cox martingale", seq_len(nrow(d)) - 1, residuals(fit, "martingale"))
    if (!options$robust) {
        moved <- residuals(fit, "dfbeta")
        for (j in 1:3) say(paste("cox dfbeta", terms[j]), seq_len(nrow(d)) - 1, moved[, j])
    }
    new <- data.frame(x1 = c(0, 1), x2 = c(0, 1), x3 = c(1, 2), shift = 0, stratum = d$stratum[1], person = 1, row = 1)
    curves <- summary(survfit(fit, new, conf.type = "log-log"), times = options$at, extend = TRUE)
    say("cox survival", 0:1, curves$surv)
    say("cox survival se", 0:1, curves$std.err)
    say("cox survival lower", 0:1, curves$lower)
}

say_curves <- function(d, options) {
    left <- if (options$entry) "Surv(entry, time, event)" else "Surv(time, event)"
    d$case <- if (options$weights) as.numeric(d$weight) else 1
    for (type in c("plain", "log", "log-log")) {
        fit <- survfit(as.formula(paste(left, "~ 1")), d, weights = case, conf.type = type)
        if (type == "plain") {
            say("km survival", fit$time, fit$surv)
            say("km se", fit$time, summary(fit, times = fit$time)$std.err)
        }
        say(paste("km lower", type), fit$time, fit$lower)
        say(paste("km upper", type), fit$time, fit$upper)
    }
    d$state <- factor(d$cause, 0:2)
    left <- if (options$entry) "Surv(entry, time, state)" else "Surv(time, state)"
    fit <- survfit(as.formula(paste(left, "~ 1")), d, weights = case, id = seq_len(nrow(d)))
    for (k in 1:2) {
        say(paste("aj incidence", k), fit$time, fit$pstate[, k + 1])
        say(paste("aj se", k), fit$time, fit$std.err[, k + 1])
    }
}

say_tests <- function(d) {
    for (rho in c(0, 1)) {
        say("log-rank", rho, survdiff(Surv(time, event) ~ arm, d, rho = rho)$chisq)
        say("log-rank stratified", rho, survdiff(Surv(time, event) ~ arm + strata(stratum), d, rho = rho)$chisq)
    }
    fit <- cuminc(d$time, d$cause, d$arm, cencode = 0)
    say("gray", rownames(fit$Tests), fit$Tests[, "stat"])
}

say_fine_gray <- function(d) {
    x <- as.matrix(d[, c("x1", "x2", "x3")])
    fit <- crr(d$time, d$cause, x, failcode = 1, cencode = 0, gtol = 1e-11, maxiter = 100)
    say("crr coef", colnames(x), fit$coef)
    say("crr se", colnames(x), sqrt(diag(fit$var)))
    d$state <- factor(d$cause, 0:2, c("none", "one", "two"))
    long <- finegray(Surv(time, state) ~ ., d[, c("time", "state", "x1", "x2", "x3", "person")], etype = "one")
    control <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)
    fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x1 + x2 + x3 + cluster(person), long,
                 weights = fgwt, control = control)
    say("finegray coef", colnames(x), coef(fit))
    say("finegray se", colnames(x), sqrt(diag(fit$var)))
}

for (i in seq_len(nrow(sets))) {
    options <- sets[i, ]
    set <- options$set
    d <- read.csv(file.path(folder, paste0(set, ".csv")))
    say_cox(d, options)
    say_curves(d, options)
    if (!options$entry) {
        say_tests(d)
        say_fine_gray(d)
    }
}
answers <- do.call(rbind, answers)
answers$value <- format(answers$value, digits = 17)
write.csv(answers, file.path(folder, "answers.csv"), row.names = FALSE)
