# The binary frames of VISUALISATION.md, section 9.3, as the page has them: the specs read with the parser that is made of it.
meta:
  id: agnt
  endian: le
seq:
  - id: magic
    contents: AGNT
  - id: kind
    type: u1
  - id: body
    type:
      switch-on: kind
      cases:
        5: batch
        _: framed
types:
  batch:
    seq:
      - id: original
        type: u4
      - id: packed
        size-eos: true
  framed:
    seq:
      - id: flags
        type: u1
      - id: len
        type: u2
      - id: payload
        size: len
        type:
          switch-on: '(flags & 1) != 0 ? 0 : _parent.kind'
          cases:
            1: positions
            2: states
            3: performance
            4: coordination
            6: heartbeat
            255: error
  positions:
    seq:
      - id: count
        type: u4
      - id: agents
        type: position
        repeat: expr
        repeat-expr: count
      - id: rest
        size-eos: true
  position:
    seq:
      - id: id
        type: u4
      - id: x
        type: f4
      - id: y
        type: f4
      - id: z
        type: f4
      - id: vx
        type: f4
      - id: vy
        type: f4
      - id: vz
        type: f4
  states:
    seq:
      - id: count
        type: u4
      - id: agents
        type: state
        repeat: expr
        repeat-expr: count
      - id: rest
        size-eos: true
  state:
    seq:
      - id: id
        type: u4
      - id: state
        type: u1
      - id: flags
        type: u1
      - id: len
        type: u2
      - id: metadata
        type: str
        encoding: UTF-8
        size: len
  performance:
    seq:
      - id: agents
        type: figures
        repeat: eos
  figures:
    seq:
      - id: id
        type: u4
      - id: tasks
        type: u4
      - id: success
        type: f4
      - id: avg_ms
        type: f4
      - id: cpu_percent
        type: f4
      - id: mem_low
        type: u4
      - id: mem_high
        type: u4
  coordination:
    seq:
      - id: kind
        type: u1
      - id: progress
        type: f4
      - id: json
        type: str
        encoding: UTF-8
        size-eos: true
  heartbeat:
    seq:
      - id: ms_low
        type: u4
      - id: ms_high
        type: u4
  error:
    seq:
      - id: code
        type: u2
      - id: text
        type: str
        encoding: UTF-8
        size-eos: true
