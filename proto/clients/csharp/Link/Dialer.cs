using System;
using System.Net;
using System.Net.Sockets;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// From a name to a connected socket, without waiting: the name's addresses one after the other. An address that is silent, as where a firewall swallows IPv6,
	/// has a share of the time, so that the next one has some, too.
	/// </summary>
	internal sealed class Dialer : IDisposable
	{
		private const int ShareMsMax = 3000;

		private readonly int port, timeoutMs;
		private readonly Func<AddressFamily, Socket> open;
		private IAsyncResult lookup;
		private IPAddress[] addresses;
		private int next;
		private long shareDueUs;
		private Socket socket;
		private Exception lastFailure;

		/// <summary>The address that the socket is connected to.</summary>
		public IPAddress Address { get; private set; }

		public Dialer(string host, int port, int timeoutMs) : this(null, port, timeoutMs, OpenTcp)
		{
			IPAddress address;
			if (IPAddress.TryParse(host, out address))
				addresses = new[] {address};
			else
				lookup = Dns.BeginGetHostAddresses(host, null, null);
		}

		/// <summary>Without a lookup. open: makes a socket, or throws where the system has none of that family.</summary>
		public Dialer(IPAddress[] addresses, int port, int timeoutMs, Func<AddressFamily, Socket> open)
		{
			this.addresses = addresses;
			this.port = port;
			this.timeoutMs = timeoutMs;
			this.open = open;
		}

		public static Socket OpenTcp(AddressFamily family)
		{
			return new Socket(family, SocketType.Stream, ProtocolType.Tcp);
		}

		/// <summary>The socket once it is connected, which is then the caller's; null before. SocketException when there is no way.</summary>
		public Socket Advance(long nowUs)
		{
			if (addresses == null && !TakeLookup())
				return null;
			if (socket == null)
				Dial(nowUs);
			if (!IsConnected()) {
				if (socket != null && next < addresses.Length && nowUs >= shareDueUs)
					GiveUp(new SocketException((int)SocketError.TimedOut));
				return null;
			}
			Socket connected = socket;
			socket = null;
			return connected;
		}

		private bool TakeLookup()
		{
			if (!lookup.IsCompleted)
				return false;
			addresses = Dns.EndGetHostAddresses(lookup);
			return true;
		}

		private void Dial(long nowUs)
		{
			if (next >= addresses.Length)
				throw new ClientException("no connection to any address of the server", lastFailure);
			Address = addresses[next++];
			shareDueUs = nowUs + Core.UsPerMs * Math.Min(ShareMsMax, timeoutMs / addresses.Length);
			try {
				socket = open(Address.AddressFamily);
				socket.Blocking = false;
				socket.NoDelay = true;
				socket.Connect(new IPEndPoint(Address, port));
			} catch (SocketException failure) {
				if (failure.SocketErrorCode != SocketError.WouldBlock && failure.SocketErrorCode != SocketError.InProgress)
					GiveUp(failure);
			}
		}

		private bool IsConnected()
		{
			if (socket == null || !(socket.Poll(0, SelectMode.SelectWrite) || socket.Poll(0, SelectMode.SelectError)))
				return false;
			int error = (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error);
			if (error == 0 && socket.Connected)
				return true;
			GiveUp(new SocketException(error != 0 ? error : (int)SocketError.ConnectionRefused));
			return false;
		}

		private void GiveUp(Exception failure)
		{
			lastFailure = failure;
			if (socket != null)
				socket.Close();
			socket = null;
		}

		public void Dispose()
		{
			if (socket != null)
				socket.Close();
		}
	}
}
