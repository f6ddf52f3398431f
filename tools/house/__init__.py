"""The house laws that no linter knows, each a pure look at one file's syntax tree."""
