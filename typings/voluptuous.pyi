# Home Assistant answers `import voluptuous` with probatio; so does the type checker.
from probatio import *
