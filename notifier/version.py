"""The version of this program. The build reads it from here, so no installed metadata is needed to know it."""

VERSION = "0.3.0"
