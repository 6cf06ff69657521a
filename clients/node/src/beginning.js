// How a namespace begins: options as the control API takes them.
import { readFile } from 'node:fs/promises'
import { list } from './server.js'

/** The body that makes a namespace; without options it begins as the server does. */
export async function beginning({ script, seed = 'default', ids, strict }) {
    const begins = {}
    if (script !== undefined) begins.scripts = await Promise.all(list(script).map(read))
    if (typeof seed === 'object') begins.records = seed
    else if (seed !== 'default') begins.seed = seed
    if (ids !== undefined) begins.ids = ids
    if (strict !== undefined) begins.strict = strict
    return begins
}

async function read(file) {
    return { name: String(file), text: await readFile(file, 'utf8') }
}
