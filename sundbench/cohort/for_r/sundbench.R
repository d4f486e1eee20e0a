# The project's registers in R. An R kernel of Sundbench attaches this when it starts; it prints nothing. Elsewhere:
#   source(system2("python", c("-m", "sundbench.cohort.for_r"), stdout = TRUE))
#
#   overview()                                    the project's registers
#   describe("lmdb")                              what a register holds, column by column
#   register("lmdb", c("person", "eksd", "atc"), where = "atc LIKE 'C10AA%' AND eksd >= DATE '2020-01-01'")
#
# register() gives a data.frame: persons and whole numbers as integer, money in øre as double, days as Date, times as
# POSIXct, codes and record numbers as text. Ask for the columns and rows you need: R holds all of it in memory.

.sundbench <- local({
  ask <- function(...) {
    command <- paste(c("python", "-m", "sundbench.cohort.for_r", shQuote(c(...))), collapse = " ")
    connection <- pipe(command, "rb")
    first <- readLines(connection, n = 1L, encoding = "UTF-8")
    if (length(first) == 0L) first <- "error Sundbench gave no answer"
    if (startsWith(first, "error ")) {
      suppressWarnings(close(connection))
      stop(substring(first, 7L), call. = FALSE)
    }
    list(connection = connection, first = first)
  }

  text <- function(...) {
    answer <- ask(...)
    on.exit(close(answer$connection))
    cat(answer$first, readLines(answer$connection, encoding = "UTF-8"), sep = "\n")
    invisible(NULL)
  }

  column <- function(connection, kind, rows) {
    whole <- function() readBin(connection, "integer", rows, size = 4L, endian = "little")
    real <- function() readBin(connection, "double", rows, size = 8L, endian = "little")
    switch(kind,
      integer = whole(),
      double = real(),
      date = structure(real(), class = "Date"),
      time = structure(real(), class = c("POSIXct", "POSIXt"), tzone = "UTC"),
      text = {
        count <- as.integer(readLines(connection, n = 1L))
        levels <- readLines(connection, n = count, encoding = "UTF-8")
        levels[whole()]
      },
      stop("unknown kind ", kind, call. = FALSE)
    )
  }

  read <- function(name, columns, where) {
    answer <- ask("read", name, paste(columns, collapse = ","), where)
    connection <- answer$connection
    on.exit(close(connection))
    rows <- as.integer(sub("rows ", "", answer$first, fixed = TRUE))
    width <- as.integer(sub("columns ", "", readLines(connection, n = 1L), fixed = TRUE))
    frame <- list()
    for (i in seq_len(width)) {
      head <- strsplit(readLines(connection, n = 1L, encoding = "UTF-8"), " ", fixed = TRUE)[[1L]]
      frame[[head[2L]]] <- column(connection, head[1L], rows)
    }
    structure(frame, row.names = .set_row_names(rows), class = "data.frame")
  }

  environment()
})

overview <- function() .sundbench$text("overview")
describe <- function(register) .sundbench$text("describe", register)
register <- function(name, columns = NULL, where = "") .sundbench$read(name, columns, where)
