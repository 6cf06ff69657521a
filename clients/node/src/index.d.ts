/** A text that is equal, or that contains a part or all of several, or that a regular expression finds. */
export type TextMatch = string | { contains: string | string[] } | { regex: string }
export type ValueMatch = TextMatch | number | boolean | null

/** The words of a rule's match: docs/scripts.md explains them. */
export interface Match {
    chatflow?: string | string[]
    question?: TextMatch
    form?: Record<string, ValueMatch>
    chatId?: TextMatch
    sessionId?: TextMatch
    leadEmail?: TextMatch
    turn?: number | { min?: number; max?: number }
    history?: { contains?: string | string[]; regex?: string; length?: number | { min?: number; max?: number } }
    uploads?: boolean | { count?: number | { min?: number; max?: number }; name?: TextMatch; mime?: TextMatch }
    overrideConfig?: Record<string, unknown>
    humanInput?: boolean | Record<string, unknown>
    streaming?: boolean
    operation?: string
    method?: string
    path?: TextMatch
    query?: Record<string, ValueMatch>
    headers?: Record<string, ValueMatch>
    /** Values of the JSON body by JSON pointer, such as `/overrideConfig/sessionId`. */
    json?: Record<string, unknown>
}

export interface RuleOptions extends Match {
    /** How often the rule answers before it stops matching. */
    times?: number
    /** The name of the rule in the journal. */
    name?: string
    /** Requests wait until `release` is called with this name. */
    hold?: string
}

/** A text, or an object with the parts of an answer: docs/scripts.md lists them. */
export type Reply = string | ({ text?: string } & Record<string, unknown>)
/** The name of a fault, or an object of its name and options: docs/faults.md lists them. */
export type Fault = string | ({ name: string } & Record<string, unknown>)
export type Part = 'journal' | 'state' | 'rules' | 'faults' | 'clock'
export type Stored = Record<string, any>

export interface Verification extends Match {
    /** Exactly so many requests; 0 for none. */
    times?: number
    atLeast?: number
    atMost?: number
    /** Matches of requests that must have come one after the other. */
    order?: Match[]
}

export interface Rule {
    id?: string
    place: string
    name?: string
    rule?: Record<string, unknown>
    /** How often it answered. */
    answered: number
    times?: number | null
}

export interface ArmedFault {
    id: string
    fault: Fault
    match?: Match
    /** How often it was triggered. */
    triggered: number
    times?: number | null
}

/** One request that the server received, and what answered it. Secrets are masked. */
export interface Request {
    id: string
    namespace: string
    time: string
    /** Its operationId; empty if no operation matches. */
    operation: string
    method: string
    path: string
    query: Record<string, string>
    /** By name in lower case. */
    headers: Record<string, string>
    /** The body if it is JSON. */
    json: any
    /** The body if it is not JSON. */
    text: string | null
    size: number
    rule: string | null
    fault: string | null
    /** What answered, and why rules before it did not. */
    explanation: string | null
    /** 0 if no answer was sent. */
    status: number
    response: { headers: Record<string, string>; json: any; text: string | null; size: number }
    /** How many events of a stream were sent. */
    events: number
    /** False if the client left before the end. */
    completed: boolean
    /** In milliseconds. */
    duration: number
}

export interface Changes {
    added: Stored[]
    removed: Stored[]
    changed: { id: string; fields: Record<string, { before?: unknown; after?: unknown }> }[]
}

export interface StartOptions {
    /** The contract: `clients` (the default), `documented`, or a version of Flowise such as `3.1.4`. */
    contract?: string
    /** Overlay files to lay over the contract. */
    overlays?: string | string[]
    /** Script files, or the names of bundled scripts. */
    script?: string | string[]
    /** `default`, `empty`, or a folder of seed files. */
    seed?: string
    /** The default is `reproducible`. */
    ids?: 'random' | 'reproducible'
    /** Whether a question that no rule answers is an error. */
    strict?: boolean
    /** The default is 0, a free port. */
    port?: number
    /** The pause between the tokens of a stream in milliseconds; the default is 0. */
    tokenDelay?: number
    /** How long a fault `hang` lasts, in seconds. */
    hang?: number
    /** The token that opens the control API to other machines. */
    controlToken?: string
    /** The command and its first arguments; the default is $FLOWISE_MOCK_COMMAND, else `flowise-mock`. */
    command?: string | string[]
    /** Further flags of `flowise-mock serve`. */
    args?: string[]
}

/** How a namespace begins; by default as the server does. */
export interface NamespaceOptions {
    /** Files of rules. */
    script?: string | URL | (string | URL)[]
    /** Records by table, each with an id, instead of those of the server. */
    seed?: 'default' | 'empty' | Record<string, Stored[]>
    ids?: 'random' | 'reproducible'
    /** Whether a question that no rule answers is an error. */
    strict?: boolean
}

export interface ConnectOptions {
    /** A key that opens the API; the control API is asked for one by default. */
    apiKey?: string
    controlToken?: string
}

export class FlowiseMock implements AsyncDisposable {
    private constructor()
    /** Starts `flowise-mock serve`. It ends with `stop`, and at the latest with this process. */
    static start(options?: StartOptions): Promise<FlowiseMock>
    /** Connects to a server that runs at `url`, which may end with `/ns/NAME`, a namespace. */
    static connect(url: string, options?: ConnectOptions): Promise<FlowiseMock>

    /** The base URL that SDKs take: without `/api/v1`, with `/ns/NAME` in a namespace. */
    readonly url: string
    /** A key that opens the API. */
    readonly apiKey: string
    /** The name of the namespace. */
    readonly name: string
    readonly clock: Clock
    readonly store: Store

    /**
     * A world of its own on the same server, which `stop` deletes. The name is random by default. With options, a
     * namespace that is there begins anew.
     */
    namespace(name?: string, options?: NamespaceOptions): Promise<FlowiseMock>
    /** Stops a server that was started here; deletes a namespace that was made here; leaves any other. */
    stop(): Promise<void>
    [Symbol.asyncDispose](): Promise<void>

    /** Answers every question. Several answers come one after the other in a conversation. Returns the rule's id. */
    answer(reply: Reply | Reply[]): Promise<string>
    /** Answers questions that contain a text, or all if it is null. Rules added later come first. */
    answer(contains: string | null, reply: Reply | Reply[], options?: RuleOptions): Promise<string>
    /** Fails every prediction. Returns the fault's id. */
    fail(fault: Fault): Promise<string>
    /** Fails predictions whose question contains a text, or all requests that the options match if it is null. */
    fail(contains: string | null, fault: Fault, options?: RuleOptions): Promise<string>
    /** The rules in the order in which they are tried. */
    rules(): Promise<Rule[]>
    /** The faults that are armed. */
    faults(): Promise<ArmedFault[]>
    /** Removes a rule or a fault that was added here. */
    remove(id: string): Promise<void>
    /** Lets requests go on that wait under `hold`: those that wait, or the next one. Returns how many. */
    release(name: string): Promise<number>

    /** The requests that were answered, oldest first: of an operation, and that match. */
    requests(operation?: string | null, match?: Match): Promise<Request[]>
    /** Waits until so many requests were answered; rejects after `timeout` milliseconds. */
    waitFor(operation?: string | null, expected?: Match & { count?: number; timeout?: number }): Promise<Request[]>
    /** Checks how often something was requested; once at least by default. Rejects with a VerificationError. */
    verify(operation?: string | null, expected?: Verification): Promise<void>

    /** Begins anew: everything, or these parts. */
    reset(...parts: Part[]): Promise<void>
    /** Saves the state under a name, which it returns. */
    snapshot(name?: string): Promise<string>
    /** Brings a saved state back. */
    restore(name?: string): Promise<void>
    /** The records that changed, by table, from the start or a snapshot to now or another snapshot. */
    diff(since?: string, to?: string): Promise<Record<string, Changes>>
}

/** The time of a namespace. */
export interface Clock {
    now(): Promise<Date>
    /** Freezes the clock, at a date with its offset or now. */
    freeze(at?: Date | string): Promise<Date>
    advance(seconds: number): Promise<Date>
    /** Shows the real time again. */
    release(): Promise<Date>
}

/** The records of a namespace, by table: `chatflow`, `tool`, `chatmessage`, ... */
export interface Store {
    /** In order of creation; secrets are masked. */
    list(table: string): Promise<Stored[]>
    /** Stores a record; what the server generates is filled in unless it is given. */
    create(table: string, values: Stored): Promise<Stored>
    counts(): Promise<Record<string, number>>
}

/** The expected requests did not come; the message names the nearest one and what differs. */
export class VerificationError extends Error {
    readonly verdict: { passed: boolean; count: number; expected?: string; nearest?: { entry: Request; differences: string[] } | null }
}

/** A call of the control API that failed; the message says why. `status` is 0 if no server answered. */
export class ControlError extends Error {
    readonly status: number
}
