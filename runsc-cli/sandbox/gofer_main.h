// `ringwall gofer`: from the inherited descriptors to a confined file server. Internal.
#pragma once

namespace ringwall::sandbox {

int GoferMain();

}  // namespace ringwall::sandbox
