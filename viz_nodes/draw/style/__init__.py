"""How figures look: colors, page widths, words, scales."""
