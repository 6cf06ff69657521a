import type { StartedTestContainer } from 'testcontainers'
import { GenericContainer } from 'testcontainers'

import type { FlowiseMock } from './index.js'

export interface FlowiseMockContainerOptions {
    /** Options of `flowise-mock serve`. */
    options?: string[]
    /** Opens the control API to this process; random if not given. */
    controlToken?: string
}

export type StartedFlowiseMockContainer = StartedTestContainer & {
    /** What SDKs of this machine take: without `/api/v1`. */
    url: string
    /** The mock in the container, as a test uses it. */
    connect(): Promise<FlowiseMock>
}

/** A container of testcontainers that serves the mock; `image` is `flowise-mock` if not given. */
export class FlowiseMockContainer extends GenericContainer {
    constructor(image?: string, options?: FlowiseMockContainerOptions)
    start(): Promise<StartedFlowiseMockContainer>
}
