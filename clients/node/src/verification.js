// What a failed verification says.

const SHOWN = 20
const LENGTH = 80

/** The expected requests did not come. `verdict` is the answer of the control API. */
export class VerificationError extends Error {
    constructor(verdict, match, requests) {
        super(explanation(verdict, match, requests))
        this.name = 'VerificationError'
        this.verdict = verdict
    }
}

function explanation(verdict, { operation = 'a request', ...words }, requests) {
    const wanted = [operation, ...Object.entries(words).map(([name, value]) => `${name}=${JSON.stringify(value)}`)]
    const lines = [`${wanted.join(' ')}: expected ${verdict.expected}, found ${verdict.count}`]
    if (verdict.nearest) {
        lines.push(`  nearest: ${line(verdict.nearest.entry)}`)
        lines.push(...verdict.nearest.differences.map((each) => `    ${each}`))
    }
    if (requests.length === 0) return [...lines, '  there were no requests'].join('\n')
    lines.push('  requests:')
    if (requests.length > SHOWN) lines.push(`    ... ${requests.length - SHOWN} earlier ones`)
    return [...lines, ...requests.slice(-SHOWN).map((each) => `    ${line(each)}`)].join('\n')
}

/** One request in one line. */
function line(request) {
    const { id, operation, method, path, status, fault, rule, json, completed } = request
    const parts = [`#${id}`, operation || '(no operation)', method, path, status || 'no answer']
    if (fault) parts.push(`fault ${fault}`)
    else if (rule) parts.push(`rule ${rule}`)
    if (typeof json?.question === 'string') parts.push(JSON.stringify(shortened(json.question)))
    if (!completed) parts.push('the client left')
    return parts.join('  ')
}

function shortened(text) {
    return text.length > LENGTH ? `${text.slice(0, LENGTH)}...` : text
}
