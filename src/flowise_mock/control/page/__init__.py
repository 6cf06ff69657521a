"""The pages for people: `/` and `/__mock__/`. They are shells; their data come from the control API."""
