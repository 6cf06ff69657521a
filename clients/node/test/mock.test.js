import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { ControlError, FlowiseMock, VerificationError } from '../src/index.js'
import { ask, flow, predict } from './flow.js'

let server
let mock
before(async () => {
    server = await FlowiseMock.start({ controlToken: 'open sesame' })
    mock = await server.namespace()
})
beforeEach(() => mock.reset())
after(async () => {
    await mock.stop()
    await server.stop()
})

describe('answers', () => {
    test('a rule answers questions that contain a text', async () => {
        await mock.answer('refund', 'Within 30 days.')
        assert.equal(await ask(mock, 'Can I get a refund?'), 'Within 30 days.')
        assert.equal(await ask(mock, 'Hello'), 'Support chat echoes: Hello')
    })

    test('the answer alone is for every question, and later rules come first', async () => {
        await mock.answer('Please wait.')
        await mock.answer('Hello', { text: 'Hi!', followUpPrompts: ['What do you sell?'] })
        assert.equal(await ask(mock, 'Hello'), 'Hi!')
        assert.equal(await ask(mock, 'Bye'), 'Please wait.')
    })

    test('options match, name and bound a rule', async () => {
        await mock.answer(null, 'Once.', { chatId: 'a', times: 1, name: 'one' })
        assert.match(await ask(mock, 'x', { chatId: 'b' }), /echoes/)
        assert.equal(await ask(mock, 'x', { chatId: 'a' }), 'Once.')
        assert.match(await ask(mock, 'x', { chatId: 'a' }), /echoes/)
        const [rule] = await mock.rules()
        assert.deepEqual([rule.name, rule.answered, rule.times], ['one', 1, 1])
    })

    test('a list answers the turns of a conversation', async () => {
        await mock.answer(['First.', 'Second.'])
        const texts = [await ask(mock, 'x', { chatId: 'c' }), await ask(mock, 'y', { chatId: 'c' })]
        assert.deepEqual(texts, ['First.', 'Second.'])
    })

    test('a held request waits until it is released', async () => {
        await mock.answer(null, 'Done.', { hold: 'spinner' })
        let answered = false
        const asked = ask(mock, 'x').then((text) => ((answered = true), text))
        await new Promise((later) => setTimeout(later, 50))
        assert.ok(!answered)
        assert.equal(await mock.release('spinner'), 1)
        assert.equal(await asked, 'Done.')
    })

    test('a rule is removed', async () => {
        await mock.remove(await mock.answer('Never.'))
        assert.match(await ask(mock, 'x'), /echoes/)
        assert.deepEqual(await mock.rules(), [])
    })

    test('arguments that say nothing are refused before a request', async () => {
        await assert.rejects(mock.answer(), /takes a part of the question or null/)
        await assert.rejects(mock.answer('a', 'b', { question: 'c' }), /give the question once/)
    })
})

describe('failures', () => {
    test('a fault is triggered so many times', async () => {
        await mock.fail('order', 'server-error', { times: 2 })
        const statuses = []
        for (let i = 0; i < 3; i++) statuses.push((await predict(mock, 'Where is my order?')).status)
        assert.deepEqual(statuses, [500, 500, 200])
        assert.deepEqual((await mock.faults()).map((each) => each.triggered), [2])
    })

    test('a fault alone is for every prediction', async () => {
        await mock.fail('rate-limited')
        assert.equal((await predict(mock, 'x')).status, 429)
    })

    test('a fault of another operation', async () => {
        await mock.fail(null, 'server-error', { operation: 'listChatflows' })
        const headers = { Authorization: `Bearer ${mock.apiKey}` }
        assert.equal((await fetch(`${mock.url}/api/v1/chatflows`, { headers })).status, 500)
        assert.equal((await fetch(`${mock.url}/api/v1/tools`, { headers })).status, 200)
    })

    test('an unknown fault is an error that names the faults', async () => {
        await assert.rejects(mock.fail('x', 'explode'), (error) => {
            assert.ok(error instanceof ControlError)
            assert.equal(error.status, 409)
            assert.match(error.message, /explode.*server-error/)
            return true
        })
    })
})

describe('requests', () => {
    test('are listed with what answered them', async () => {
        await mock.answer('Hi.')
        await mock.fail('broken', 'server-error')
        await ask(mock, 'Hello', { overrideConfig: { sessionId: 's' } })
        await predict(mock, 'broken')
        await fetch(`${mock.url}/api/v1/ping`)
        const [hello, broken] = await mock.requests('createPrediction')
        assert.equal(hello.json.question, 'Hello')
        assert.equal(hello.headers['x-client'], 'Test')
        assert.equal(hello.status, 200)
        assert.ok(hello.rule)
        assert.ok(hello.completed)
        assert.equal(broken.status, 500)
        assert.match(broken.fault, /server-error/)
        assert.equal((await mock.requests()).length, 3)
        const match = { json: { '/overrideConfig/sessionId': 's' } }
        assert.deepEqual((await mock.requests('createPrediction', match)).map((each) => each.id), [hello.id])
        assert.equal((await mock.requests(null, { path: '/api/v1/ping' })).length, 1)
    })

    test('are waited for', async () => {
        const found = mock.waitFor('createPrediction', { question: { contains: 'late' } })
        await ask(mock, 'early')
        await ask(mock, 'late')
        assert.deepEqual((await found).map((each) => each.json.question), ['late'])
        await assert.rejects(mock.waitFor('createPrediction', { count: 3, timeout: 30 }), /expected at least 3, found 2/)
    })

    test('are verified', async () => {
        await ask(mock, 'one')
        await ask(mock, 'two')
        await mock.verify('createPrediction')
        await mock.verify('createPrediction', { times: 2 })
        await mock.verify('createPrediction', { question: 'one', times: 1 })
        await mock.verify('createPrediction', { atLeast: 1, atMost: 2 })
        await mock.verify('listTools', { times: 0 })
        await mock.verify(null, { order: [{ question: 'one' }, { question: 'two' }] })
    })

    test('a failed verification names the nearest request and what differs', async () => {
        await ask(mock, 'Where is my order?')
        const failing = mock.verify('createPrediction', { question: 'Where is my refund?', times: 1 })
        await assert.rejects(failing, (error) => {
            assert.ok(error instanceof VerificationError)
            assert.match(error.message, /createPrediction question="Where is my refund\?": expected exactly 1, found 0/)
            assert.match(error.message, /nearest: #\d+ {2}createPrediction {2}POST/)
            assert.match(error.message, /question is "Where is my order\?", not "Where is my refund\?"/)
            assert.equal(error.verdict.nearest.entry.json.question, 'Where is my order?')
            return true
        })
        await assert.rejects(mock.verify(null, { order: [{ question: 'x' }] }), /in order/)
    })

    test('a failed verification without requests says so', async () => {
        await assert.rejects(mock.verify('createPrediction'), /there were no requests/)
    })

    test('an unknown word of a match is an error', async () => {
        await assert.rejects(mock.verify('createPrediction', { quesion: 'x' }), /quesion/)
    })
})

describe('state', () => {
    test('a reset of parts leaves the others', async () => {
        await mock.answer('Kept.')
        await ask(mock, 'x')
        await mock.reset('journal')
        assert.deepEqual(await mock.requests(), [])
        assert.equal(await ask(mock, 'x'), 'Kept.')
        await mock.reset()
        assert.deepEqual(await mock.rules(), [])
    })

    test('a snapshot is restored, and compared', async () => {
        assert.equal(await mock.snapshot('before'), 'before')
        const made = await mock.store.create('tool', { name: 'clock', description: 'Tells the time', color: '#FF5733' })
        assert.ok((await mock.store.list('tool')).some((each) => each.id === made.id))
        assert.deepEqual((await mock.diff('before')).tool.added.map((each) => each.id), [made.id])
        const { tool } = await mock.store.counts()
        await mock.restore('before')
        assert.equal((await mock.store.counts()).tool, tool - 1)
        assert.deepEqual(await mock.diff('before'), {})
    })

    test('the clock is frozen, advanced and released', async () => {
        const at = new Date('2026-01-01T12:00:00Z')
        assert.deepEqual(await mock.clock.freeze(at), at)
        assert.deepEqual(await mock.clock.advance(60), new Date('2026-01-01T12:01:00Z'))
        assert.deepEqual(await mock.clock.now(), new Date('2026-01-01T12:01:00Z'))
        assert.ok(Math.abs((await mock.clock.release()) - Date.now()) < 60_000)
    })
})

describe('namespaces', () => {
    test('do not see each other, and end with stop', async () => {
        const [one, two] = await Promise.all([mock.namespace(), mock.namespace()])
        assert.match(one.url, /^http:\/\/127\.0\.0\.1:\d+\/ns\/[^/]+$/)
        await one.answer('One.')
        await two.answer('Two.')
        assert.deepEqual([await ask(one, 'x'), await ask(two, 'x')], ['One.', 'Two.'])
        assert.equal((await one.requests()).length, 1)
        await one.stop()
        await two.stop()
        const again = await mock.namespace(one.name)
        assert.deepEqual(await again.requests(), [])
        await again[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]()
    })

    test('begin with rules and records of their own', async () => {
        const script = new URL('rules.yaml', import.meta.url)
        const ruled = await mock.namespace(undefined, { script, strict: true })
        assert.equal(await ask(ruled, 'a refund'), 'Within 30 days.')
        assert.notEqual((await predict(ruled, 'other')).status, 200)
        const empty = await mock.namespace(undefined, { seed: 'empty' })
        assert.equal((await empty.store.counts()).tool, 0)
        const tool = { id: '8f7e6d5c-4b3a-4291-80af-8e7d6c5b4a39', name: 'clock', description: 'Tells the time', color: '#FF5733' }
        const records = await mock.namespace(undefined, { seed: { tool: [tool] }, ids: 'reproducible' })
        assert.deepEqual((await records.store.list('tool')).map((each) => each.name), ['clock'])
        await Promise.all([ruled, empty, records].map((each) => each.stop()))
        await assert.rejects(mock.namespace(undefined, { script: 'missing.yaml' }), /missing\.yaml/)
    })

    test('an invalid name is an error', async () => {
        await assert.rejects(mock.namespace('a b'), (error) => error.status === 400)
    })
})

describe('connecting', () => {
    test('to a running server, with or without a namespace', async () => {
        const connected = await FlowiseMock.connect(`${mock.url}/`)
        assert.equal(connected.url, mock.url)
        assert.equal(connected.name, mock.name)
        assert.equal(connected.apiKey, 'flowise-mock')
        await connected.answer('From afar.')
        assert.equal(await ask(mock, 'x'), 'From afar.')
        await connected.stop()
        assert.equal(await ask(mock, 'x'), 'From afar.')
        const root = await FlowiseMock.connect(`${server.url}/api/v1`, { apiKey: 'mine' })
        assert.deepEqual([root.url, root.name, root.apiKey], [server.url, 'default', 'mine'])
    })

    test('with a token', async () => {
        await FlowiseMock.connect(server.url, { controlToken: 'open sesame' })
        await assert.rejects(FlowiseMock.connect(server.url, { controlToken: 'wrong' }), /control token is wrong/)
    })

    test('the flow is there with the key', async () => {
        const headers = { Authorization: `Bearer ${mock.apiKey}` }
        assert.equal((await (await fetch(`${mock.url}/api/v1/chatflows/${flow}`, { headers })).json()).id, flow)
    })
})
