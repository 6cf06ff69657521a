// Starts the command `flowise-mock serve` and waits until it listens.
import { spawn } from 'node:child_process'

const START = 30_000
const ADDRESS = /https?:\/\/\S+?(?=\/api\/v1)/

/** A server in a process of its own. It ends with this process, even if this one is killed. */
export class Server {
    constructor(child, url) {
        this.child = child
        this.url = url
    }

    static async start(command, args) {
        const [program, ...first] = typeof command === 'string' ? [command] : command
        const child = spawn(program, [...first, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
        child.stdin.on('error', () => {}) // the server may end before its input is closed
        try {
            return new Server(child, await listening(child, program))
        } catch (error) {
            child.kill()
            throw error
        } finally {
            release(child)
        }
    }

    /** Ends the server and waits until it is gone. */
    async stop() {
        const { child } = this
        if (child.exitCode !== null || child.signalCode !== null) return
        child.ref()
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill()
        const late = setTimeout(() => child.kill('SIGKILL'), 5000)
        await gone
        clearTimeout(late)
    }
}

/** The command line of `serve` for the options of `FlowiseMock.start`. */
export function serveArguments(options) {
    const flags = ['serve', '--port', String(options.port ?? 0), '--stop-at-eof', '--no-access-log']
    flags.push('--ids', options.ids ?? 'reproducible', '--token-delay', String(options.tokenDelay ?? 0))
    if (options.contract) flags.push('--contract', options.contract)
    for (const file of list(options.overlays)) flags.push('--overlay', file)
    for (const file of list(options.script)) flags.push('--script', file)
    if (options.seed === 'empty') flags.push('--empty')
    else if (options.seed && options.seed !== 'default') flags.push('--seed', options.seed)
    if (options.strict) flags.push('--strict')
    if (options.hang !== undefined) flags.push('--hang', String(options.hang))
    if (options.controlToken) flags.push('--control-token', options.controlToken)
    return [...flags, ...list(options.args)]
}

export function list(value) {
    return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]
}

/** The address in the first line that the server prints. Rejects with what it prints if it ends before. */
function listening(child, program) {
    return new Promise((resolve, reject) => {
        let output = ''
        let errors = ''
        const late = setTimeout(() => reject(new Error(`${program} did not start within ${START / 1000} s: ${errors}`)), START)
        const settle = (finish, value) => {
            clearTimeout(late)
            finish(value)
        }
        child.stderr.on('data', (chunk) => (errors = (errors + chunk).slice(-10_000)))
        child.stdout.on('data', (chunk) => {
            output = (output + chunk).slice(0, 10_000)
            const found = output.includes('\n') && ADDRESS.exec(output)
            if (found) settle(resolve, found[0])
        })
        child.once('error', (error) => settle(reject, new Error(unstarted(program, error))))
        child.once('close', (code) => settle(reject, new Error(errors.trim() || `${program} ended with status ${code}`)))
    })
}

function unstarted(program, error) {
    if (error.code !== 'ENOENT') return `${program} cannot be started: ${error.message}`
    return `there is no command ${program}: pip install flowise-mock, or name it with the option command`
}

/** Lets this process end while the server runs. */
function release(child) {
    child.unref()
    for (const stream of child.stdio) stream?.unref?.()
}
