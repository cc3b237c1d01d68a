using System;
using System.Net;
using System.Net.Sockets;

namespace Ringcast.Realtime.Link
{
	/// <summary>From a name to a connected socket, without waiting: the name's addresses one after the other.</summary>
	internal sealed class Dialer : IDisposable
	{
		private readonly int port;
		private IAsyncResult lookup;
		private IPAddress[] addresses;
		private int next;
		private Socket socket;
		private Exception lastFailure;

		/// <summary>The address that the socket is connected to.</summary>
		public IPAddress Address { get; private set; }

		public Dialer(string host, int port)
		{
			IPAddress address;
			this.port = port;
			if (IPAddress.TryParse(host, out address))
				addresses = new[] {address};
			else
				lookup = Dns.BeginGetHostAddresses(host, null, null);
		}

		/// <summary>The socket once it is connected, which is then the caller's; null before. SocketException when there is no way.</summary>
		public Socket Advance()
		{
			if (addresses == null && !TakeLookup())
				return null;
			if (socket == null)
				Dial();
			if (!IsConnected())
				return null;
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

		private void Dial()
		{
			if (next >= addresses.Length)
				throw new ClientException("no connection to any address of the server", lastFailure);
			Address = addresses[next++];
			socket = new Socket(Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
			socket.Blocking = false;
			socket.NoDelay = true;
			try {
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
