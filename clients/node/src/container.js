import { randomBytes } from 'node:crypto'

import { GenericContainer, Wait } from 'testcontainers'

import { FlowiseMock } from './mock.js'

const PORT = 3000

/** A container of testcontainers that serves the mock. */
export class FlowiseMockContainer extends GenericContainer {
    #token

    constructor(image = 'flowise-mock', { options = [], controlToken = randomBytes(24).toString('base64url') } = {}) {
        super(image)
        this.#token = controlToken
        this.withExposedPorts(PORT)
            .withEnvironment({ FLOWISE_MOCK_CONTROL_TOKEN: controlToken })
            .withCommand(options)
            .withWaitStrategy(Wait.forHttp('/__mock__/ready', PORT))
    }

    async start() {
        const started = await super.start()
        const url = `http://${started.getHost()}:${started.getMappedPort(PORT)}`
        return Object.assign(started, { url, connect: () => FlowiseMock.connect(url, { controlToken: this.#token }) })
    }
}
