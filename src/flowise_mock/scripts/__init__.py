"""Scripts: files of rules for the answers of flows. The first rule that matches gives the answer."""
