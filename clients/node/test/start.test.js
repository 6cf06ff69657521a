import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FlowiseMock } from '../src/index.js'
import { ask } from './flow.js'

const child = fileURLToPath(new URL('starts.js', import.meta.url))

async function answers(url) {
    try {
        return (await fetch(`${url}/api/v1/ping`)).ok
    } catch {
        return false
    }
}

async function gone(url) {
    for (let i = 0; i < 200 && (await answers(url)); i++) await new Promise((next) => setTimeout(next, 25))
    return !(await answers(url))
}

describe('starting', () => {
    test('with options, and stopping', async () => {
        const mock = await FlowiseMock.start({ contract: '3.1.4', script: 'support-bot', seed: 'empty', strict: true, ids: 'random', hang: 1 })
        assert.ok(await answers(mock.url))
        assert.equal((await mock.store.counts()).chatflow ?? 0, 0)
        assert.ok((await mock.rules()).length > 1)
        await mock.stop()
        await mock.stop()
        assert.ok(!(await answers(mock.url)))
        await assert.rejects(mock.requests(), /no flowise-mock answers at http:\/\/127/)
    })

    test('ids are reproducible', async () => {
        const made = async () => {
            const mock = await FlowiseMock.start()
            const { id } = await mock.store.create('tool', { name: 'clock', description: 'Tells the time', color: '#FF5733' })
            await mock.stop()
            return id
        }
        assert.equal(...(await Promise.all([made(), made()])))
    })

    test('the server does not keep this process alive, and ends with it', async () => {
        const program = spawn(process.execPath, [child, 'end'], { stdio: ['ignore', 'pipe', 'inherit'] })
        const [[line], [status]] = await Promise.all([once(program.stdout, 'data'), once(program, 'exit')])
        assert.equal(status, 0)
        assert.ok(await gone(String(line).trim()))
    })

    test('the server ends with a process that is killed', async () => {
        const program = spawn(process.execPath, [child, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
        const url = String((await once(program.stdout, 'data'))[0]).trim()
        assert.ok(await answers(url))
        program.kill('SIGKILL')
        assert.ok(await gone(url))
    })
})

describe('what cannot start', () => {
    test('a command that is not there', async () => {
        await assert.rejects(FlowiseMock.start({ command: 'flowise-mok' }), /no command flowise-mok: pip install flowise-mock/)
    })

    test('an invalid option says what the command says', async () => {
        await assert.rejects(FlowiseMock.start({ contract: 'nine' }), /nine/)
        await assert.rejects(FlowiseMock.start({ script: 'missing.yaml' }), /missing\.yaml/)
        await assert.rejects(FlowiseMock.start({ seed: './missing' }), /missing/)
    })

    test('a port that is taken', async () => {
        const mock = await FlowiseMock.start()
        const port = Number(new URL(mock.url).port)
        await assert.rejects(FlowiseMock.start({ port }), /cannot listen on .*choose another --port/)
        assert.match(await ask(mock, 'x'), /echoes/)
        await mock.stop()
    })
})

describe('what cannot be connected to', () => {
    test('no server', async () => {
        await assert.rejects(FlowiseMock.connect('http://127.0.0.1:9'), /no flowise-mock answers at http:\/\/127\.0\.0\.1:9/)
    })

    test('another server', async () => {
        const other = createServer((request, response) => response.end('<h1>Hello</h1>')).listen(0, '127.0.0.1')
        await once(other, 'listening')
        await assert.rejects(FlowiseMock.connect(`http://127.0.0.1:${other.address().port}`), /is it a flowise-mock\?/)
        other.close()
    })

    test('a text that is no URL', async () => {
        await assert.rejects(FlowiseMock.connect('localhost:3000'), /localhost:3000 is no address/)
    })
})
