# limma's and edgeR's answers to the questions in a folder: Rscript limma.R FOLDER
# Each question is a folder with counts.csv (genes x samples), design.csv (samples x coefficients) and coefficient.txt.
suppressPackageStartupMessages(library(edgeR))
options(digits = 17)

store <- function(values, folder, name) {
  write.table(format(as.matrix(values), digits = 17, trim = TRUE), file.path(folder, paste0(name, ".out")),
              sep = ",", quote = FALSE, row.names = FALSE, col.names = FALSE)
}

moderated <- function(fit, coefficient, folder, name) {
  store(cbind(fit$coefficients[, coefficient], fit$t[, coefficient], fit$p.value[, coefficient],
              p.adjust(fit$p.value[, coefficient], "BH"), fit$sigma^2, fit$s2.post, fit$Amean), folder, name)
  store(cbind(fit$df.prior, fit$df.total[1]), folder, paste0(name, "_df"))
}

for (folder in list.dirs(commandArgs(TRUE)[1], recursive = FALSE)) {
  counts <- as.matrix(read.csv(file.path(folder, "counts.csv"), header = FALSE))
  dimnames(counts) <- list(NULL, NULL)
  design <- as.matrix(read.csv(file.path(folder, "design.csv"), header = FALSE))
  dimnames(design) <- list(NULL, NULL)
  coefficient <- scan(file.path(folder, "coefficient.txt"), quiet = TRUE)
  kept <- filterByExpr(counts, design = design)
  store(kept * 1, folder, "kept")
  if (file.exists(file.path(folder, "all"))) kept[] <- TRUE
  data <- calcNormFactors(DGEList(counts[kept, , drop = FALSE], lib.size = colSums(counts)))
  store(data$samples$norm.factors, folder, "factors")
  v <- voom(data, design)
  store(v$E, folder, "log_counts")
  store(v$weights, folder, "weights")
  moderated(eBayes(lmFit(v, design)), coefficient, folder, "voom")
  moderated(eBayes(lmFit(v$E, design), trend = TRUE), coefficient, folder, "trend")
  moderated(eBayes(lmFit(v$E, design)), coefficient, folder, "plain")
}
