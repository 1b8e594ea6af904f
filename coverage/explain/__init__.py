"""Why a commune stands where it stands, in statements: codes and figures, put into words by the catalogue."""
